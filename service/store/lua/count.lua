-- Adds counts that belong to no judgment.
-- KEYS: counters
-- ARGV: most series, a msgpack list of {series, by, series past the cap}
for _, each in ipairs(cmsgpack.unpack(ARGV[2])) do
  count_series(KEYS[1], tonumber(ARGV[1]), each[1], each[2], each[3])
end
