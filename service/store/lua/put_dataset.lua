-- Makes staged items a dataset, in place of all that its name stood for before.
-- KEYS: dataset, index of names
-- ARGV: name, description, version, seconds that readers have to end with the version before, then the keys of the items
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
