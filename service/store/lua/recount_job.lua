-- Replaces the counts of a job by those of its stored judgments.
--
-- KEYS  1 job  hash  its record and state
-- ARGV  1 prefix of the chunks' results, 2 number of chunks, 3 number of judgments that were counted,
--       then each field and its value
-- Returns 1, or 0 if judgments were stored meanwhile
local stored = 0
for chunk = 0, ARGV[2] - 1 do
  stored = stored + redis.call('HLEN', ARGV[1] .. chunk)
end
if stored ~= tonumber(ARGV[3]) or redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
