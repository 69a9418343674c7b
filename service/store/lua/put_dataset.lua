-- Makes staged items the dataset of a name.
--
-- KEYS  1 dataset   hash  dataset (JSON), version, chunks (msgpack list of the items' keys)
--       2 datasets  zset  names of datasets
-- ARGV  1 name, 2 dataset (JSON), 3 version, 4 seconds that the earlier version stays for its readers,
--       then the key of each chunk of items
-- Returns 'created' | 'replaced' | 'expired'
for i = 5, #ARGV do
  if redis.call('EXISTS', ARGV[i]) == 0 then
    return 'expired'
  end
end
local before = redis.call('HGET', KEYS[1], 'chunks')
if before then
  for _, key in ipairs(cmsgpack.unpack(before)) do
    redis.call('EXPIRE', key, ARGV[4])
  end
end
local chunks = {}
for i = 5, #ARGV do
  redis.call('PERSIST', ARGV[i])
  chunks[#chunks + 1] = ARGV[i]
end
redis.call('HSET', KEYS[1], 'dataset', ARGV[2], 'version', ARGV[3], 'chunks', cmsgpack.pack(chunks))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return before and 'replaced' or 'created'
