-- Gives up leases on votes that were not asked for after all.
-- KEYS: cached votes
-- ARGV: worker
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == '!' .. ARGV[1] then
    redis.call('DEL', key)
  end
end
