-- Looks votes up in the cache, and takes a lease on each that is neither stored nor leased. A vote is not served if
-- another model answers under the name of the one that gave it.
--
-- KEYS  1 workers  zset    worker id by the end of its heartbeat (seconds)
--       2 served   hash    model by the served model that answered last
--       3...       string  a cached vote: '=<results key>|<position>|<index of the vote>|<served model>' once it is
--                          stored, '!<worker id>' while that worker asks for it
-- ARGV  1 worker id, 2 seconds that a lease lives, then the model of each vote
-- Returns for each vote {'known', judgment, index}, or {'mine'} for a lease just taken, {'ours'} for one held already,
-- {'theirs'} for one of another worker
local me, now = ARGV[1], tonumber(redis.call('TIME')[1])
local answer = {}
for i = 3, #KEYS do
  local value = redis.call('GET', KEYS[i])
  local found = {'mine'}
  if value and string.sub(value, 1, 1) == '=' then
    local results, position, index, served = string.match(value, '^=([^|]*)|(%d+)|(%d+)|?(.*)$')
    local newest = served ~= '' and redis.call('HGET', KEYS[2], ARGV[i])
    local judgment = (not newest or newest == served) and redis.call('HGET', results, position)
    if judgment then
      found = {'known', judgment, index}
    end
  elseif value then
    local holder = string.sub(value, 2)
    if holder == me then
      found = {'ours'}
    elseif tonumber(redis.call('ZSCORE', KEYS[1], holder) or 0) > now then
      found = {'theirs'}
    end
  end
  if found[1] == 'mine' then
    redis.call('SET', KEYS[i], '!' .. me, 'EX', ARGV[2])
  end
  answer[i - 2] = found
end
return answer
