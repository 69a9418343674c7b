-- Notes that chunks of an ended job are archived; lets the job go once all of them are.
--
-- KEYS  1 unarchived  zset  ids of ended jobs that are not archived
--       2 job         hash  its record and state
--       3 benchmark   hash  the part of a benchmark that its job does not have
-- ARGV  1 job id, 2 number of the first chunk that is not archived, 3 now (milliseconds), 4 the keep time (seconds),
--       5 milliseconds that readers need at least, 6 prefix of items' keys, 7 prefix of results' keys
-- Returns 1 if the job is let go.
local state = redis.call('HMGET', KEYS[2], 'chunks', 'finished_at')
if not state[1] or not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[2], 'archived', ARGV[2])
if tonumber(ARGV[2]) < tonumber(state[1]) then
  return 0
end
local ends = math.max(tonumber(state[2] or ARGV[3]) + tonumber(ARGV[4]) * 1000, tonumber(ARGV[3]) + tonumber(ARGV[5]))
local at = string.format('%.0f', ends)
for chunk = 0, tonumber(state[1]) - 1 do
  redis.call('PEXPIREAT', ARGV[6] .. chunk, at)
  redis.call('PEXPIREAT', ARGV[7] .. chunk, at)
end
redis.call('PEXPIREAT', KEYS[3], at)
redis.call('PEXPIREAT', KEYS[2], at)
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
