-- Notes the model that answered under a model's name, and counts the change if another one answered before.
-- KEYS: 1 hash of model -> the model that answered last, 2 metrics: hash, series -> integer
-- ARGV: 1 model, 2 the model that answered, 3 maximum number of series, 4 msgpack list of {series, amount, series past
--       the maximum}
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before ~= ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  if before then
    add_listed(KEYS[2], tonumber(ARGV[3]), cmsgpack.unpack(ARGV[4]))
  end
end
