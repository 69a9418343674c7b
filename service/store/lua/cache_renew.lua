-- Renews leases on votes that are still being asked for. A lease that the store lost is taken again.
--
-- KEYS  each a string  a cached vote: see cache_begin.lua
-- ARGV  1 worker id, 2 seconds that a lease lives
local mine = '!' .. ARGV[1]
for _, key in ipairs(KEYS) do
  if (redis.call('GET', key) or mine) == mine then
    redis.call('SET', key, mine, 'EX', ARGV[2])
  end
end
