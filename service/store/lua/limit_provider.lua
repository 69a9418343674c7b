-- Notes that a provider refused a call because there were too many, and says how all workers go on.
-- KEYS: hash of the provider's limit. Its times are in milliseconds of the store's clock, its rates in calls per million
--       seconds:
--   until  nobody may call before          noted   when the last refusal was noted of a call that began after the one before was noted
--   rate   calls per second at `until`     goal    the rate that is known to work, 0 if none is
--   double milliseconds in which the rate doubles up to the goal       streak  refusals without a wait, one after the other
--   seen   answers when a refusal was noted that seemed a single one, -1 if it did not       seen_rate  what they showed
-- ARGV: milliseconds since the refused call began, wait asked for in milliseconds or -1, answers of all workers since
--       the last pause, milliseconds in which they came, first and longest wait without a wait asked for, channel,
--       1 if it is a single refusal among answers, as far as its worker has seen, else 0,
--       milliseconds in which the rate doubles beyond the goal
-- Returns {milliseconds to wait, rate, goal, double}
local ENOUGH = 10  -- answers to tell a rate by
local FREE = 1e12  -- a rate that is no limit
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local state = redis.call('HMGET', KEYS[1], 'until', 'noted', 'rate', 'goal', 'double', 'streak', 'seen', 'seen_rate')
for i = 1, 8 do
  state[i] = tonumber(state[i] or i == 7 and -1 or 0)
end
local ends, noted, rate, goal, double, streak, seen, seen_rate = unpack(state)
local is_single, slow = ARGV[8] == '1', tonumber(ARGV[9])
if rate >= FREE then
  rate, goal = 0, 0 -- none is known
end

-- Returns the rate to which it has grown by now: as ProviderLimit.rate_after.
local function grown()
  local over, climb = math.max(now - ends, 0), 0
  if rate == 0 then
    return FREE
  elseif goal == 0 then
    return math.min(rate * 2 ^ math.min(over / double, 60), FREE)
  elseif goal > rate then
    climb = double * math.log(goal / rate) / math.log(2)
  end
  if over < climb then
    return rate * 2 ^ (over / double)
  end
  return math.min(goal * 2 ^ math.min((over - climb) / slow, 60), FREE)
end

-- Goes on at the rate that so many answers showed.
local function slow_down(answers, shown, wait)
  double = math.min(math.max(wait / 4, 50), 2000)
  if answers >= ENOUGH then
    rate, goal = rate == 0 and shown / 4 or shown, shown
  elseif answers > 0 then  -- perhaps because nobody asked for more
    rate, goal, double = shown, 0, 5000
  elseif rate == 0 then
    rate = 1e9 / math.max(wait, 1000)
  end
end

local began, asked, answers, span = now - ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local base, longest = tonumber(ARGV[5]), tonumber(ARGV[6])
local careful = 0.9
if began >= noted then  -- else it was under way when the last refusal came
  local before = grown()
  if asked >= 0 then
    ends, streak = math.max(ends, now + asked), 0
  else
    streak = answers > 0 and 1 or streak + 1
    ends = math.max(ends, now + math.min(base * 2 ^ math.min(streak - 1, 30), longest))
    careful = 0.5
  end
  local wait = math.max(ends - now, 1)
  local shown = careful * answers * 1e9 / (span + wait)
  if is_single then  -- all wait as asked, and go on as before, at a rate that grows less fast
    rate, goal = before, goal > 0 and math.max(goal, before) or 0
    double = math.min(2 * math.max(double, 1), slow)
    seen, seen_rate = answers, shown
  else
    slow_down(answers, shown, wait)
    seen = -1
  end
  noted = now
else
  if asked >= 0 then
    ends = math.max(ends, now + asked)
  end
  if seen >= 0 and not is_single then  -- the refusal before was not a single one
    slow_down(seen, seen_rate, math.max(ends - now, 1))
    seen = -1
  end
end
rate = rate > 0 and rate or FREE
rate, goal = math.max(math.floor(rate), 1), math.floor(goal)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', ends), 'noted', string.format('%.0f', noted),
           'rate', string.format('%.0f', rate), 'goal', string.format('%.0f', goal),
           'double', string.format('%.0f', double), 'streak', streak, 'seen', seen,
           'seen_rate', string.format('%.0f', seen_rate))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ends - now, 0) + 900000))
redis.call('PUBLISH', ARGV[7], 'limited')
return {ends - now, rate, goal, double}
