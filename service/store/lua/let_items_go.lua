-- Lets items expire the keep time after their last judgment, unless they have labels or judgments not archived.
--
-- KEYS  1 unarchived  zset  ids of ended jobs that are not archived
--       2 open        zset  ids of jobs that have not ended
--       then each a hash    an item
-- ARGV  1 now (milliseconds), 2 the keep time (seconds), 3 milliseconds that readers need at least,
--       then the ids of jobs that count as archived
local archived = {}
for i = 4, #ARGV do
  archived[ARGV[i]] = true
end
for i = 3, #KEYS do
  local fields = redis.call('HGETALL', KEYS[i])
  local newest, is_kept = 0, #fields == 0
  for j = 1, #fields, 2 do
    local job = string.match(fields[j], '^R\t([^\t]*)')
    if fields[j] == 'labelled' then
      is_kept = true
    elseif job then
      newest = math.max(newest, tonumber(fields[j + 1]))
      if not archived[job] and (redis.call('ZSCORE', KEYS[1], job) or redis.call('ZSCORE', KEYS[2], job)) then
        is_kept = true
      end
    end
  end
  if not is_kept and redis.call('TTL', KEYS[i]) == -1 then
    local ends = math.max(newest + tonumber(ARGV[2]) * 1000, tonumber(ARGV[1]) + tonumber(ARGV[3]))
    redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', ends))
  end
end
