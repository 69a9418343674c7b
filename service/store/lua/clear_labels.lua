-- Removes places of labels from those that wait for the archive, unless the labels have changed since they were read.
--
-- KEYS  1 unarchived labels  zset  places of labels that are not archived as they are now
--       then each a hash           an item
-- ARGV  for each item: its field, the field's value as it was read
-- Returns the number of places removed.
local removed = 0
for i = 2, #KEYS do
  local field, known = ARGV[2 * i - 3], ARGV[2 * i - 2]
  if (redis.call('HGET', KEYS[i], field) or '') == known then
    removed = removed + redis.call('ZREM', KEYS[1], KEYS[i] .. '\n' .. field)
  end
end
return removed
