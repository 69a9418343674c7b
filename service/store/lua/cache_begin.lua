-- Looks votes up in the cache, and takes a lease on each that nobody has or asks for.
-- A cached vote's key holds '=results key|position|index of the vote|model that answered' once it is stored, and before
-- that '!worker' of the worker that asks for it. A vote of another model than the one that answers now is not served.
-- KEYS: workers, hash of model -> the model that answered last, then cached votes
-- ARGV: worker, now (seconds), seconds a lease lives, then the model of each vote
-- Returns for each key {'known', judgment, index} | {'mine'} | {'ours'} | {'theirs'}: a lease just taken, held, or another's
local me, now = ARGV[1], tonumber(ARGV[2])
local answer = {}
for i = 3, #KEYS do
  local value = redis.call('GET', KEYS[i])
  local found = {'mine'}
  if value and string.sub(value, 1, 1) == '=' then
    local results, position, index, served = string.match(value, '^=([^|]*)|(%d+)|(%d+)|?(.*)$')
    local newest = served ~= '' and redis.call('HGET', KEYS[2], ARGV[i + 1])
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
    redis.call('SET', KEYS[i], '!' .. me, 'EX', ARGV[3])
  end
  answer[i - 2] = found
end
return answer
