-- Keeps items until their judgments are archived, and lets their labels wait for the archive.
--
-- KEYS  1 unarchived         zset  ids of ended jobs that are not archived
--       2 open               zset  ids of jobs that have not ended
--       3 unarchived labels  zset  places of labels that are not archived as they are now
--       then each a hash           an item
-- ARGV  1 now (milliseconds), 2 prefix of the fields of an item's states
for i = 4, #KEYS do
  local fields = redis.call('HKEYS', KEYS[i])
  local is_labelled = redis.call('HEXISTS', KEYS[i], 'labelled') == 1
  local is_awaited = false
  for _, field in ipairs(fields) do
    local job = string.match(field, '^R\t([^\t]*)')
    if job and (redis.call('ZSCORE', KEYS[1], job) or redis.call('ZSCORE', KEYS[2], job)) then
      is_awaited = true
    elseif is_labelled and string.sub(field, 1, #ARGV[2]) == ARGV[2] then
      redis.call('ZADD', KEYS[3], 'NX', ARGV[1], KEYS[i] .. '\n' .. field)
    end
  end
  if is_awaited then
    redis.call('PERSIST', KEYS[i])
  end
end
