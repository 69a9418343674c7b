-- Adds counts that belong to no judgment to the metrics, unless it has added these before.
--
-- KEYS: 1 metrics: hash, series -> integer
--       2 counted: string, the number of the sender's newest batch that was added
-- ARGV: 1 maximum number of series
--       2 msgpack list of {series, amount, series past the maximum}
--       3 number of the batch, 4 seconds for which it is remembered
if tonumber(redis.call('GET', KEYS[2]) or 0) < tonumber(ARGV[3]) then
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
  add_listed(KEYS[1], tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2]))
end
