-- Stores a vote on an open battle, once a voter, and counts it: for its criterion and for all. Sequential Elo included.
-- KEYS: battle, its voters, times of the voter's last votes, rows of all votes, metrics' counters, the battle's item,
--       then the counters of each scope
-- ARGV: now (milliseconds), voter, winner, request, most votes an hour, row, seconds to keep, most series among the
--       metrics' counters, series, series past the cap, A, B, points of a new model, most points that a vote moves,
--       a msgpack list of {field of a judgment's place among the item's fields, when it ended},
--       a msgpack list of fields to add one to in each scope
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
add_series(KEYS[5], tonumber(ARGV[8]), {ARGV[9]}, {1}, {ARGV[10]})

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
  local outlives = redis.call('EXISTS', KEYS[6]) == 1 and redis.call('TTL', KEYS[6]) == -1 -- a labelled item is kept
  for _, place in ipairs(cmsgpack.unpack(ARGV[15])) do
    redis.call('HSET', KEYS[6], place[1], string.format('%.0f', place[2]))
  end
  if not outlives then
    redis.call('EXPIRE', KEYS[6], ARGV[7])
  end
end
return {'voted', votes}
