-- Makes chunks a job and queues them, or returns the job that the same request has made before.
--
-- KEYS  1 job          hash     its record and state
--       2 idempotency  hash     fingerprint of the request, id of the job
--       3 jobs         zset     ids of jobs
--       4 pending      integer  judgments accepted and not finished
--       5 queue        zset     arq's queue
--       6 turns        hash     see keys.py, TURNS
--       7 open jobs    zset     ids of jobs that have not ended
--       8 owned jobs   zset     ids of the owner's jobs
--       9 benchmark    hash     the staged part of a benchmark
--       10 benchmarks  zset     ids of benchmarks' jobs
--       11 owned benchmarks  zset  ids of the owner's benchmarks' jobs
--       12 no key      stands in place of 2 without an Idempotency-Key, of 3 and 8 if the job is in no list or has no
--                      owner, of 9 to 11 if it is no benchmark's, and of 11 without an owner
-- ARGV  1 job id, 2 record, 3 number of judgments, 4 fingerprint,
--       5 seconds that an idempotency key is kept, 6 milliseconds that an arq job is kept,
--       7 channel that wakes workers, 8-10 the arq job that calls back: key, id, arq job; '' without one
--       11 lane: judgments of a full chunk and the models, joined by tabs, 12 owner,
--       13 number of chunks that are queued ahead, 14 judgments that may be pending,
--       then for each chunk: key of its items, its items or '' if they are staged, key of its arq job, id of its arq job,
--       arq job
-- Returns {'created' | 'repeated' | 'conflict' | 'expired', job id}, or {'full', judgments pending}
local job_id, NO_KEY = ARGV[1], KEYS[12]
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'created', job_id}
end
if KEYS[2] ~= NO_KEY then
  local known = redis.call('HMGET', KEYS[2], 'fingerprint', 'job')
  if known[1] then
    return {known[1] == ARGV[4] and 'repeated' or 'conflict', known[2]}
  end
end
local pending = tonumber(redis.call('GET', KEYS[4]) or 0)
if pending + ARGV[3] > tonumber(ARGV[14]) then
  return {'full', tostring(pending)}
end
for i = 15, #ARGV, 5 do
  if ARGV[i + 1] == '' and redis.call('EXISTS', ARGV[i]) == 0 then
    return {'expired', job_id}
  end
end
if KEYS[9] ~= NO_KEY then
  if redis.call('EXISTS', KEYS[9]) == 0 then
    return {'expired', job_id}
  end
  redis.call('PERSIST', KEYS[9])
end
for i = 15, #ARGV, 5 do
  if ARGV[i + 1] == '' then
    redis.call('PERSIST', ARGV[i])
  else
    redis.call('SET', ARGV[i], ARGV[i + 1])
  end
end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'total', ARGV[3], 'chunks', (#ARGV - 14) / 5)
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[1], 'callback_key', ARGV[8], 'callback_id', ARGV[9], 'callback', ARGV[10])
end
-- Adds the job to a list, and removes the two oldest ones if they have expired: so a list that nobody reads is bounded.
local function list(key)
  redis.call('ZADD', key, 0, job_id)
  for _, oldest in ipairs(redis.call('ZRANGE', key, 0, 1)) do
    if redis.call('EXISTS', string.sub(KEYS[1], 1, -#job_id - 1) .. oldest) == 0 then
      redis.call('ZREM', key, oldest)
    end
  end
end
if KEYS[3] ~= NO_KEY then
  list(KEYS[3])
end
if KEYS[10] ~= NO_KEY then
  list(KEYS[10])
end
for _, owned in ipairs({KEYS[8], KEYS[11]}) do
  if owned ~= NO_KEY then
    list(owned)
    redis.call('PEXPIRE', owned, ARGV[6])
  end
end
redis.call('INCRBY', KEYS[4], ARGV[3])
redis.call('ZADD', KEYS[7], 0, job_id)
if KEYS[2] ~= NO_KEY then
  redis.call('HSET', KEYS[2], 'fingerprint', ARGV[4], 'job', job_id)
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
-- Each job has its chunks queued a few at a time (claim.lua queues the others), so that jobs take turns. A key's jobs
-- share its turns: the more of them there are, the further apart are the turns of each.
local turn = tonumber(redis.call('HGET', KEYS[6], 'now') or 2)
local apart = redis.call('HINCRBY', KEYS[6], 'jobs:' .. ARGV[12], 1)
local queued = 0
for i = 15, #ARGV, 5 do
  redis.call('SET', ARGV[i + 2], ARGV[i + 4], 'PX', ARGV[6])
  if queued < tonumber(ARGV[13]) then
    turn, queued = turn + apart, queued + 1
    redis.call('ZADD', KEYS[5], turn, ARGV[i + 3])
  end
end
redis.call('HSET', KEYS[1], 'lane', ARGV[11], 'line', ARGV[12], 'queued', queued, 'turn', turn)
redis.call('PUBLISH', ARGV[7], job_id)
return {'created', job_id}
