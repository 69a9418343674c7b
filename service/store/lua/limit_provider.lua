-- Notes that a provider refused a call because there were too many, and says how all workers go on.
-- KEYS: hash of the provider's limit. Its times are in milliseconds of the store's clock, its rates in calls per million
--       seconds:
--   until  nobody may call before          noted   when the last refusal was noted of a call that began after the one before was noted
--   rate   calls per second at `until`     goal    the rate that is known to work, 0 if none is
--   double milliseconds in which the rate doubles up to the goal       streak  refusals without a wait, one after the other
-- ARGV: milliseconds since the refused call began, wait asked for in milliseconds or -1, answers of all workers since
--       the last pause, milliseconds in which they came, first and longest wait without a wait asked for, channel
-- Returns {milliseconds to wait, rate, goal, double}
local ENOUGH = 10  -- answers to tell a rate by
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local state = redis.call('HMGET', KEYS[1], 'until', 'noted', 'rate', 'goal', 'double', 'streak')
for i = 1, 6 do
  state[i] = tonumber(state[i] or 0)
end
local ends, noted, rate, goal, double, streak = unpack(state)
local began, asked, answers, span = now - ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local base, longest = tonumber(ARGV[5]), tonumber(ARGV[6])
if asked >= 0 then
  ends = math.max(ends, now + asked)
end
if began >= noted then  -- else it was under way when the last refusal came: it tells nothing new
  local careful = 0.9
  if asked < 0 then
    streak = answers > 0 and 1 or streak + 1
    ends = math.max(ends, now + math.min(base * 2 ^ math.min(streak - 1, 30), longest))
    careful = 0.5
  else
    streak = 0
  end
  local wait = math.max(ends - now, 1)
  local shown = careful * answers * 1e9 / (span + wait)
  double = math.min(math.max(wait / 4, 50), 2000)
  if answers >= ENOUGH then
    rate, goal = rate == 0 and shown / 4 or shown, shown
  elseif answers > 0 then  -- perhaps because nobody asked for more
    rate, goal, double = shown, 0, 5000
  elseif rate == 0 then
    rate = 1e9 / math.max(wait, 1000)
  end
  noted = now
end
rate, goal = math.max(math.floor(rate), 1), math.floor(goal)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', ends), 'noted', string.format('%.0f', noted),
           'rate', string.format('%.0f', rate), 'goal', string.format('%.0f', goal),
           'double', string.format('%.0f', double), 'streak', streak)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ends - now, 0) + 900000))
redis.call('PUBLISH', ARGV[7], 'limited')
return {ends - now, rate, goal, double}
