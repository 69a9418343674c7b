-- Stores a vote on an open battle, one for each voter. Counts it for its criterion and for all, with sequential Elo.
--
-- KEYS  1 battle   hash     record, course, votes
--       2 voters   hash     voter -> '<winner>\t<request>'
--       3 pace     list     times of the voter's newest votes (milliseconds)
--       4 votes    stream   every vote
--       5 metrics  hash     series -> integer
--       6 item     hash     the battle's item
--       7, 8       hash     counters of the criterion and of all criteria
-- ARGV  1 now (milliseconds), 2 voter, 3 winner, 4 request, 5 maximum number of votes in an hour, 6 row of the vote,
--       7 the keep time (seconds), 8 maximum number of series among the metrics,
--       9, 10 msgpack lists of {series, amount, series past the maximum}: of each vote, and of the first one,
--       11 model A, 12 model B, 13 points of a new model, 14 maximum points that a vote moves,
--       15 msgpack list of {field of the item with a judgment's place, time at which it ended},
--       16 msgpack list of the counters' fields to add one to
-- Returns {'voted', votes on the battle}, {'again'} for a second vote, {'gone'}, or {'paced', milliseconds to wait}
local now, voter, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[5])
local HOUR = 3600000

local votes = redis.call('HGET', KEYS[1], 'votes')
if not votes then
  return {'gone'}
end
local mine = ARGV[3] .. '\t' .. ARGV[4]
local known = redis.call('HGET', KEYS[2], voter)
if known then
  return known == mine and {'voted', tonumber(votes)} or {'again'} -- the same request, delivered twice
end
local first = redis.call('LINDEX', KEYS[3], most - 1)
if first and now - tonumber(first) < HOUR then
  return {'paced', HOUR - (now - tonumber(first))}
end

redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('LTRIM', KEYS[3], 0, most - 1)
redis.call('PEXPIRE', KEYS[3], HOUR)
redis.call('HSET', KEYS[2], voter, mine)
local version = redis.call('XADD', KEYS[4], '*', 'row', ARGV[6])
add_listed(KEYS[5], tonumber(ARGV[8]), cmsgpack.unpack(ARGV[9]))

local share = ({A = 1, B = 0})[ARGV[3]] or 0.5
local function rate(scope)
  local a, b = 'elo\t' .. ARGV[11], 'elo\t' .. ARGV[12]
  local stored = redis.call('HMGET', scope, a, b)
  local left, right = tonumber(stored[1] or ARGV[13]), tonumber(stored[2] or ARGV[13])
  local gained = tonumber(ARGV[14]) * (share - 1 / (1 + 10 ^ ((right - left) / 400)))
  redis.call('HSET', scope, a, string.format('%.17g', left + gained), b, string.format('%.17g', right - gained))
end
for i = 7, #KEYS do
  for _, field in ipairs(cmsgpack.unpack(ARGV[16])) do
    redis.call('HINCRBY', KEYS[i], field, 1)
  end
  rate(KEYS[i])
  redis.call('HSET', KEYS[i], 'version', version)
end

votes = redis.call('HINCRBY', KEYS[1], 'votes', 1)
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[7])
if votes == 1 then
  add_listed(KEYS[5], tonumber(ARGV[8]), cmsgpack.unpack(ARGV[10]))
  local outlives = redis.call('EXISTS', KEYS[6]) == 1 and redis.call('TTL', KEYS[6]) == -1 -- a labelled item is kept
  for _, place in ipairs(cmsgpack.unpack(ARGV[15])) do
    redis.call('HSET', KEYS[6], place[1], string.format('%.0f', place[2]))
  end
  if not outlives then
    redis.call('EXPIRE', KEYS[6], ARGV[7])
  end
end
return {'voted', votes}
