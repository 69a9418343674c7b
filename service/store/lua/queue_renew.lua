-- Renews a worker's leases on the arq jobs that it has at work.
--
-- KEYS  1 queue  zset    arq job ids by their turn
--       2...     string  a lease: the worker that has the arq job at work
-- ARGV  1 worker id, 2 milliseconds that a lease lives, then the id of each arq job
-- Returns 1 or 0 for each: whether the worker still has it. A lease that ran out is taken again if nobody else has had
-- the arq job since: it is neither at work elsewhere, nor put off, nor done.
local FIRST_TIME = 1e12 -- scores of the queue below are turns, others are times
local answer = {}
for i = 2, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  local score = not holder and tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i + 1]) or FIRST_TIME)
  if holder == ARGV[1] or (score and score < FIRST_TIME) then
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    answer[i - 1] = 1
  else
    answer[i - 1] = 0
  end
end
return answer
