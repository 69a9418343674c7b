-- Ends a worker's work on an arq job, unless another worker has taken it over.
--
-- KEYS  1 lease    string   the worker that has the arq job at work
--       2 retries  integer  arq's own count of tries
--       3 arq job  string
--       4 queue    zset     arq job ids by their turn, or by the time (milliseconds) until which they are put off
-- ARGV  1 worker id, 2 arq job id, 3 'done', 'again' or 'unreadable', 4 what 'again' adds to its place in the queue,
--       5 milliseconds for which one that this version can't read is put off
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return
end
redis.call('DEL', KEYS[1])
if ARGV[3] == 'done' or redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[2])
elseif ARGV[3] == 'unreadable' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[4], string.format('%.0f', time[1] * 1000 + ARGV[5]), ARGV[2])
elseif ARGV[4] ~= '0' then
  redis.call('ZINCRBY', KEYS[4], ARGV[4], ARGV[2])
end
