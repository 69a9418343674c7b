-- Adds counts that belong to no judgment to the metrics.
--
-- KEYS: 1 metrics: hash, series -> integer
-- ARGV: 1 maximum number of series
--       2 msgpack list of {series, amount, series past the maximum}
local places, names, amounts, others = {}, {}, {}, {}
for _, each in ipairs(cmsgpack.unpack(ARGV[2])) do
  local place = places[each[1]] or #names + 1
  places[each[1]], names[place], others[place] = place, each[1], each[3]
  amounts[place] = (amounts[place] or 0) + each[2]
end
if #names > 0 then
  add_series(KEYS[1], tonumber(ARGV[1]), names, amounts, others)
end
