-- Removes a dataset.
--
-- KEYS  1 dataset   hash  dataset (JSON), version, chunks (msgpack list of the items' keys)
--       2 datasets  zset  names of datasets
-- ARGV  1 name, 2 seconds that its items stay for their readers
-- Returns 1 if it was there, else 0
local chunks = redis.call('HGET', KEYS[1], 'chunks')
if not chunks then
  return 0
end
for _, key in ipairs(cmsgpack.unpack(chunks)) do
  redis.call('EXPIRE', key, ARGV[2])
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
