-- Notes the content that each item id stands for now, and returns which ids stood for another content before.
--
-- KEYS  each a hash  an item; fields digest (of the newest content), job and changed (the job that noted it, and its
--                    answer), labelled (the number of criteria with labels)
-- ARGV  1 job id, 2 the keep time (seconds), then the digest of each item's content
-- Returns 1 or 0 for each item; the same if the same job asks again
local changed = {}
for i, key in ipairs(KEYS) do
  local digest = ARGV[i + 2]
  local known = redis.call('HMGET', key, 'digest', 'job', 'changed')
  local is_changed = '0'
  if known[2] == ARGV[1] then
    is_changed = known[3]
  elseif known[1] and known[1] ~= digest then
    is_changed = '1'
  end
  local is_kept = redis.call('TTL', key) == -1 -- it has labels, or judgments that are not archived
  redis.call('HSET', key, 'digest', digest, 'job', ARGV[1], 'changed', is_changed)
  if not is_kept then
    redis.call('EXPIRE', key, ARGV[2])
  end
  changed[i] = tonumber(is_changed)
end
return changed
