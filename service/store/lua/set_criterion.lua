-- Replaces the scale and the record of a criterion. If the scale is another one, all its labels are to be checked.
--
-- KEYS  1 criteria   hash  criterion -> scale
--       2 records    hash  criterion -> record
--       3 labelled   zset  items with labels on the criterion
--       4 unchecked  set   items whose labels are to be checked
-- ARGV  1 criterion, 2 and 3 the scale and the record that must be stored, 4 and 5 the new ones; '' for none.
--       6 1 if the scale of labels that are there may be changed
-- Returns 'set'; 'moved' if another scale or record is stored; 'labelled' if there are labels that may not be changed.
local criterion, scale = ARGV[1], ARGV[4]
local known = redis.call('HGET', KEYS[1], criterion) or ''
if known ~= ARGV[2] or (redis.call('HGET', KEYS[2], criterion) or '') ~= ARGV[3] then
  return 'moved'
end
if known ~= scale then
  if ARGV[6] ~= '1' and redis.call('EXISTS', KEYS[3]) == 1 then
    return 'labelled'
  end
  redis.call('HSET', KEYS[1], criterion, scale)
  for start = 0, redis.call('ZCARD', KEYS[3]) - 1, SLICE do
    redis.call('SADD', KEYS[4], unpack(redis.call('ZRANGE', KEYS[3], start, start + SLICE - 1)))
  end
end
redis.call('HSET', KEYS[2], criterion, ARGV[5])
return 'set'
