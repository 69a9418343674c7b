-- Notes the model that answered under a model's name.
-- KEYS: hash of model -> the model that answered last
-- ARGV: model, the model that answered
-- Returns 1 if another one answered before, else 0
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before ~= ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return (before and before ~= ARGV[2]) and 1 or 0
