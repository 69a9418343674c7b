-- Removes a criterion, unless it has labels.
--
-- KEYS  1 criteria           hash  criterion -> scale
--       2 records            hash  criterion -> record
--       3 labelled criteria  set   criteria that have had a label
--       4 labelled           zset  items with labels on the criterion
-- ARGV  1 criterion
-- Returns 'removed', 'unknown' or 'labelled'.
if redis.call('EXISTS', KEYS[4]) == 1 then
  return 'labelled'
end
local removed = redis.call('HDEL', KEYS[1], ARGV[1]) + redis.call('HDEL', KEYS[2], ARGV[1])
  + redis.call('SREM', KEYS[3], ARGV[1])
return removed > 0 and 'removed' or 'unknown'
