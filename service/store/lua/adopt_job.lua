-- Keeps an ended job until it is archived: it ended before there was an archive.
--
-- KEYS  1 unarchived  zset  ids of ended jobs that are not archived
--       2 job         hash  its record and state
--       3 benchmark   hash  the part of a benchmark that its job does not have
-- ARGV  1 job id, 2 prefix of items' keys, 3 prefix of results' keys
-- Returns 1 if it waits for the archive now.
local state = redis.call('HMGET', KEYS[2], 'chunks', 'finished_at', 'archived')
if not state[1] or not state[2] or state[3] == state[1] then
  return 0
end
for chunk = 0, tonumber(state[1]) - 1 do
  redis.call('PERSIST', ARGV[2] .. chunk)
  redis.call('PERSIST', ARGV[3] .. chunk)
end
redis.call('PERSIST', KEYS[3])
redis.call('PERSIST', KEYS[2])
redis.call('ZADD', KEYS[1], 'NX', state[2], ARGV[1])
return 1
