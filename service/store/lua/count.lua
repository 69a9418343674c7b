-- Adds counts that belong to no judgment to the metrics.
--
-- KEYS: 1 metrics: hash, series -> integer
-- ARGV: 1 maximum number of series
--       2 msgpack list of {series, amount, series past the maximum}
add_listed(KEYS[1], tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2]))
