-- Takes the arq jobs whose turn it is, with a lease on each. The queue is by turns: see keys.py, QUEUE and TURNS.
-- After an outage none is taken until the workers have renewed their leases: see outages.lua.
--
-- KEYS  1 queue    zset  arq job ids by their turn, or by the time (milliseconds) until which they are put off
--       2 turns    hash  `now`: the turn that was taken last
--       3 workers  zset, 4 outage  hash: see outages.lua
-- ARGV  1 prefix of leases, 2 milliseconds that a lease lives, 3 most arq jobs to take, 4 prefix of jobs,
--       5 msgpack {rooms {provider: {judgments in large chunks, in small ones}}, the same of any other provider,
--         rooms {function: arq jobs}, blocked models {model: true}, chunks of blocked models to take, largest small chunk},
--       6 worker id, 7 prefix of arq jobs
-- Returns {seconds, microseconds, arq jobs in the queue, with those at work, {arq job id, turn, lane or '', arq job or
-- ''}...}; the lane is that of the chunk's job
local FIRST_TIME = 1e12 -- scores below are turns, others are times
local SCANNED, MOST_SCANNED = 200, 10000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local most, rooms = tonumber(ARGV[3]), cmsgpack.unpack(ARGV[5])
local of_provider, of_others, of_function, blocked, blocked_room, largest = unpack(rooms)
local turn = tonumber(redis.call('HGET', KEYS[2], 'now') or 2)

-- Those that were put off had their turn before: it is theirs again, in the order of their times.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], FIRST_TIME, now, 'WITHSCORES', 'LIMIT', 0, SCANNED)
for i = 1, #due, 2 do
  redis.call('ZADD', KEYS[1], string.format('%.17g', turn + (due[i + 1] - FIRST_TIME) / 1e13), due[i])
end

local function room_of(model)
  local provider = string.match(model, '^[^/]*')
  if not of_provider[provider] then
    of_provider[provider] = {of_others[1], of_others[2]}
  end
  return of_provider[provider]
end

-- Takes room for a chunk, if each of the providers has some.
local function fits_lane(lane)
  local size = tonumber(string.match(lane, '^%d+'))
  local class = size <= largest and 2 or 1
  local is_blocked = false
  for model in string.gmatch(lane, '\t([^\t]+)') do
    is_blocked = is_blocked or blocked[model]
    if room_of(model)[class] <= 0 then
      return false
    end
  end
  if is_blocked then
    blocked_room = blocked_room - 1
    return blocked_room >= 0
  end
  for model in string.gmatch(lane, '\t([^\t]+)') do
    local room = room_of(model)
    room[class] = room[class] - size
  end
  return true
end

local taken = {time[1], time[2], redis.call('ZCARD', KEYS[1])}
local HEAD = #taken
if is_after_outage(KEYS[3], KEYS[4], tonumber(time[1])) or most <= 0 then
  return taken
end
local function consider(id, score)
  if redis.call('EXISTS', ARGV[1] .. id) == 1 then
    return
  end
  local name, job = string.match(id, '^([^:]+):?([^:]*)')
  local is_chunk = job ~= '' and not of_function[name]
  local lane = is_chunk and redis.call('HGET', ARGV[4] .. job, 'lane') or ''
  if of_function[name] then
    if of_function[name] <= 0 then
      return
    end
    of_function[name] = of_function[name] - 1
  elseif lane ~= '' and not fits_lane(lane) then
    return
  end
  redis.call('SET', ARGV[1] .. id, ARGV[6], 'PX', ARGV[2])
  taken[#taken + 1] = {id, score, lane, redis.call('GET', ARGV[7] .. id) or ''}
end

for first = 0, MOST_SCANNED, SCANNED do
  local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. FIRST_TIME, 'WITHSCORES', 'LIMIT', first, SCANNED)
  for i = 1, #ids, 2 do
    if #taken - HEAD >= most then
      return taken
    end
    consider(ids[i], ids[i + 1])
  end
  if #ids < 2 * SCANNED then
    return taken
  end
end
return taken
