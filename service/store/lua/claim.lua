-- Begins a chunk for the first time or again.
--
-- KEYS  1 job      hash  its record and state
--       2 results  hash  position -> judgment of this chunk
-- ARGV  1 number of the chunk, 2 now (milliseconds), 3 channel of the job's events
-- Returns nil if there is no such job, else {record, cancelled, nano-dollars spent, tries, positions that are done...}
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
