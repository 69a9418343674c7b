-- Begins a chunk, for the first time or again.
-- KEYS: job, results of the chunk
-- ARGV: number of the chunk, now (milliseconds), channel of the job's events
-- Returns nothing where the job is gone, else {record, cancelled, nano-dollars spent, tries, positions done...}
local record = redis.call('HGET', KEYS[1], 'record')
if not record then
  return nil
end
if redis.call('HSETNX', KEYS[1], 'started_at', ARGV[2]) == 1 then
  redis.call('PUBLISH', ARGV[3], 'started')
end
local tries = redis.call('HINCRBY', KEYS[1], 'tries:' .. ARGV[1], 1)
local state = redis.call('HMGET', KEYS[1], 'cancel', 'cost_nano')
local answer = {record, state[1] or '0', state[2] or '0', tries}
for _, position in ipairs(redis.call('HKEYS', KEYS[2])) do
  answer[#answer + 1] = position
end
return answer
