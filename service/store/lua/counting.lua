-- Shared by the scripts that count: the series of a metric stay within a cap.
local function count(key, field, by)
  redis.call('HINCRBY', key, field, string.format('%.0f', by))
end

local function count_series(counters, cap, series, by, other)
  if redis.call('HEXISTS', counters, series) == 0 and redis.call('HLEN', counters) >= cap then
    series = other
    count(counters, 'metrics_series_dropped_total', 1)
  end
  count(counters, series, by)
end
