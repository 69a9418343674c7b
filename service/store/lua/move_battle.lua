-- Moves a battle on, unless somebody else has moved it meanwhile.
-- KEYS: battle
-- ARGV: its course as it was read, its course from now on
-- Returns 1 where it was moved
if redis.call('HGET', KEYS[1], 'course') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'course', ARGV[2])
return 1
