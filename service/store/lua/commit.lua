-- Makes staged chunks a job and queues them, or returns the job that the same request has made before.
--
-- KEYS  1 job          hash     its record and state
--       2 idempotency  hash     fingerprint of the request, id of the job; '' without a key
--       3 jobs         zset     ids of jobs; '' for a job that is in no list
--       4 pending      integer  judgments accepted and not finished
--       5 queue        zset     arq's queue
--       6 benchmark    hash     the staged part of a benchmark; absent for other jobs
--       7 benchmarks   zset     ids of benchmarks' jobs; absent for other jobs
-- ARGV  1 job id, 2 record, 3 number of judgments, 4 fingerprint,
--       5 seconds that an idempotency key is kept, 6 milliseconds that an arq job is kept,
--       7 channel that wakes workers, 8-10 the arq job that calls back: key, id, arq job; '' without one
--       then for each chunk: key of its items, key of its arq job, id of its arq job, arq job
-- Returns {'created' | 'repeated' | 'conflict' | 'expired', job id}
local job_id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'created', job_id}
end
if KEYS[2] ~= '' then
  local known = redis.call('HMGET', KEYS[2], 'fingerprint', 'job')
  if known[1] then
    return {known[1] == ARGV[4] and 'repeated' or 'conflict', known[2]}
  end
end
for i = 11, #ARGV, 4 do
  if redis.call('EXISTS', ARGV[i]) == 0 then
    return {'expired', job_id}
  end
end
if KEYS[6] then
  if redis.call('EXISTS', KEYS[6]) == 0 then
    return {'expired', job_id}
  end
  redis.call('PERSIST', KEYS[6])
  redis.call('ZADD', KEYS[7], 0, job_id)
end
for i = 11, #ARGV, 4 do
  redis.call('PERSIST', ARGV[i])
end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'total', ARGV[3], 'chunks', (#ARGV - 10) / 4)
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[1], 'callback_key', ARGV[8], 'callback_id', ARGV[9], 'callback', ARGV[10])
end
if KEYS[3] ~= '' then
  redis.call('ZADD', KEYS[3], 0, job_id)
end
redis.call('INCRBY', KEYS[4], ARGV[3])
if KEYS[2] ~= '' then
  redis.call('HSET', KEYS[2], 'fingerprint', ARGV[4], 'job', job_id)
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
-- The store's own clock: those of the machines that submit and that work may differ.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 11, #ARGV, 4 do
  redis.call('SET', ARGV[i + 1], ARGV[i + 3], 'PX', ARGV[6])
  redis.call('ZADD', KEYS[5], now, ARGV[i + 2])
end
redis.call('PUBLISH', ARGV[7], job_id)
return {'created', job_id}
