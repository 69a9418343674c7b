-- Returns the place in the random half of a label queue up to which the items count as a random sample.
--
-- KEYS  1 random    zset  items with a label that was said random, by their place
--       2 targeted  zset  other labelled items, by their place
--       3 waiting   zset  items without a label, by their place
-- ARGV  1 the least share of labelled items
-- Returns the place of an item of the first zset such that at least this share of the items up to it is labelled, found
-- by halving; '' if there is none.
local low, high, found = 0, redis.call('ZCARD', KEYS[1]), ''
while low < high do
  local half = math.floor((low + high + 1) / 2)
  local place = redis.call('ZRANGE', KEYS[1], half - 1, half - 1, 'WITHSCORES')[2]
  local labelled = redis.call('ZCOUNT', KEYS[1], '-inf', place) + redis.call('ZCOUNT', KEYS[2], '-inf', place)
  local judged = labelled + redis.call('ZCOUNT', KEYS[3], '-inf', place)
  if labelled >= ARGV[1] * judged then
    low, found = half, place
  else
    high = half - 1
  end
end
return found
