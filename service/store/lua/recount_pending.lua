-- Replaces the number of judgments that are accepted and not finished by that of the open jobs.
--
-- KEYS  1 pending  integer
--       2 open     zset     ids of jobs that have not ended
-- ARGV  1 prefix of jobs, 2 maximum number of open jobs: more take too long
-- Returns {number before, number now}
local before = tonumber(redis.call('GET', KEYS[1]) or 0)
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[2]) then
  return {before, before}
end
local pending = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local state = redis.call('HMGET', ARGV[1] .. id, 'total', 'scored', 'unscored', 'failed', 'cancelled')
  pending = pending + tonumber(state[1] or 0)
  for i = 2, 5 do
    pending = pending - tonumber(state[i] or 0)
  end
end
if pending ~= before then
  redis.call('SET', KEYS[1], string.format('%.0f', pending))
end
return {before, pending}
