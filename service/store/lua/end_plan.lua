-- Ends the plan of a file that is archived and whose jobs are let go, once.
--
-- KEYS  1 archive  hash  state of the archive
--       2 metrics  hash  series -> integer
-- ARGV  1 the plan, then pairs of series and amount
-- Returns 1 if this call ended it.
if redis.call('HGET', KEYS[1], 'plan') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'plan')
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
end
return 1
