-- Looks up the votes of judgments in the cache, and takes a lease on each that is neither stored nor leased. A judgment
-- gets all of its leases or none: if another worker has one of them, no lease is taken. A vote is not served if another
-- model answers under the name of the one that gave it. After an outage a vote that nobody has a lease on may still be
-- asked for by a worker that could not renew its lease, or wait there to be stored.
--
-- KEYS  1 workers  zset    worker id by the end of its heartbeat (seconds)
--       2 outage   hash    see outages.lua
--       3 served   hash    model by the served model that answered last
-- ARGV  1 worker id, 2 seconds that a lease lives, 3 msgpack for each judgment its votes: {{key, model, whether it is
--       asked for without a lease}...}
--         key  string  a cached vote: '@<job>|<chunk>|<position>|<index of the vote>|<served model>' once it is stored,
--                      or '=<results key>|<position>|...', and '!<worker id>' while that worker asks for it
--       4 prefix of results' keys, with %s in place of the job
-- Returns for each judgment its votes: {'known', judgment, index}, or {} if the caller has to ask for it; false in place
-- of a judgment that has to wait. A lease that the caller had before is taken anew: the caller knows which ones it
-- still holds.
local me, now = ARGV[1], tonumber(redis.call('TIME')[1])
local MINE = {}
local is_grace = is_after_outage(KEYS[1], KEYS[2], now)

local function known_vote(value, model)
  local results, position, index, served = string.match(value, '^=([^|]*)|(%d+)|(%d+)|?(.*)$')
  if not results then
    local job, chunk
    job, chunk, position, index, served = string.match(value, '^@([^|]*)|(%d+)|(%d+)|(%d+)|(.*)$')
    if not job then
      return nil
    end
    results = string.format(ARGV[4], job) .. chunk
  end
  local newest = served ~= '' and redis.call('HGET', KEYS[3], model)
  local judgment = (not newest or newest == served) and redis.call('HGET', results, position)
  return judgment and {'known', judgment, index}
end

-- Returns false if another worker asks for the vote.
local function state_of(key, model, freely)
  local value = redis.call('GET', key)
  if not value then
    return (not is_grace or freely) and MINE
  end
  if string.sub(value, 1, 1) ~= '!' then
    return known_vote(value, model) or MINE
  end
  local holder = string.sub(value, 2)
  local is_held = holder ~= me and tonumber(redis.call('ZSCORE', KEYS[1], holder) or 0) > now
  return (not is_held or freely) and MINE
end

local function take(votes)
  local states = {}
  for i, vote in ipairs(votes) do
    states[i] = state_of(unpack(vote))
    if not states[i] then
      return false
    end
  end
  for i, vote in ipairs(votes) do
    if states[i] == MINE and not vote[3] then
      redis.call('SET', vote[1], '!' .. me, 'EX', ARGV[2])
    end
  end
  return states
end

local answer = {}
for i, votes in ipairs(cmsgpack.unpack(ARGV[3])) do
  answer[i] = take(votes)
end
return answer
