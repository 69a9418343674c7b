-- Gives up leases on votes that were not asked for after all.
--
-- KEYS  each a string  a cached vote: see cache_begin.lua
-- ARGV  1 worker id
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == '!' .. ARGV[1] then
    redis.call('DEL', key)
  end
end
