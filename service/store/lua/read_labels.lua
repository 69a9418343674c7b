-- Reads items' labels and scores at one moment, under a number that grows with each reading.
--
-- KEYS  1 archive      hash  state of the archive
--       then each a hash     an item
-- ARGV  the field of each item that has its labels and scores on a criterion
-- Returns {number, {field's value or '', digest of the newest content or ''}...}
local found = {redis.call('HINCRBY', KEYS[1], 'sequence', 1)}
for i = 2, #KEYS do
  local known = redis.call('HMGET', KEYS[i], ARGV[i - 1], 'digest')
  found[i] = {known[1] or '', known[2] or ''}
end
return found
