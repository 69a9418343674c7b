-- What people and judges said of an item, and what that adds to the counters of agreement. Shared by the scripts that
-- change it: they count an item's old state down and its new one up, so that counters always equal a recount.
--
-- An item's hash has, beside its newest content (digest):
--   L <criterion> <annotator>          {key, number, units, per cent, selection, probability, content, at, off scale, kind}
--   J <criterion> <series> <content>   {key, number, units, per cent, at, length, own}
--   A <criterion>                      when it was first labelled
--   R <job> <chunk> <position>         where a judgment of it is, and when it ended
-- with tabs between, and false where there is none. Counters are hashes, one for each kind, bucket of time, series and
-- criterion. Item-level counters exist for groups: r and t for the labels drawn at random or targeted, x for what all
-- labels together give beyond these two.
local HOUR, DAY = 3600000, 86400000
local HOURS_KEPT, DAYS_KEPT = 48 * HOUR, 400 * DAY

-- Counts are gathered first, over all that a script is given, and written once.
local function gathering()
  return {groups = {}, seen = {}}
end

local function bump(delta, kind, series, at, field, by)
  local hour = math.floor(at / HOUR)
  local name = kind .. '\n' .. series .. '\n' .. delta.criterion .. '\n' .. hour
  local group = delta.groups[name]
  if not group then
    group = {kind = kind, rest = series .. ':' .. delta.criterion, hour = hour, fields = {}}
    delta.groups[name] = group
  end
  group.fields[field] = (group.fields[field] or 0) + by
end

local function buckets_of(hour, now)
  local day = math.floor(hour / 24)
  local found = {{'all', false}}
  for _, bucket in ipairs({
    {string.format('h%.0f', hour), (hour + 1) * HOUR + HOURS_KEPT},
    {string.format('d%.0f', day), (day + 1) * DAY + DAYS_KEPT},
  }) do
    if bucket[2] > now then
      found[#found + 1] = bucket
    end
  end
  return found
end

-- Fields that fall to nothing go away, so that a recount has the same fields.
local function add(key, fields)
  local written = false
  for field, by in pairs(fields) do
    if by ~= 0 then
      written = true
      if redis.call('HINCRBY', key, field, string.format('%.0f', by)) == 0 then
        redis.call('HDEL', key, field)
      end
    end
  end
  return written
end

local function apply(delta, now)
  for _, group in pairs(delta.groups) do
    for _, bucket in ipairs(buckets_of(group.hour, now)) do
      local key = 'judged:' .. group.kind .. ':' .. bucket[1] .. ':' .. group.rest
      if add(key, group.fields) and bucket[2] then
        redis.call('PEXPIREAT', key, string.format('%.0f', bucket[2]))
      end
    end
  end
  for index, members in pairs(delta.seen) do
    for member, at in pairs(members) do
      redis.call('ZADD', index, string.format('%.0f', at), member)
    end
  end
end

-- Notes in an index when something was last seen.
local function see(delta, index, member, at)
  delta.seen[index] = delta.seen[index] or {}
  delta.seen[index][member] = at
end

local function load(key, criterion)
  local item = {labels = {}, judged = {}, annotators = {}, refs = {}, labelled = false}
  local stored = redis.call('HGETALL', key)
  for i = 1, #stored, 2 do
    local field, value = stored[i], stored[i + 1]
    local kind, of, rest = string.match(field, '^(%u)\t([^\t]*)\t?(.*)$')
    if kind == 'R' then
      item.refs[field] = tonumber(value)
    elseif kind == 'L' then
      item.labelled = true
      if of == criterion then
        item.labels[rest] = cmsgpack.unpack(value)
        item.annotators[#item.annotators + 1] = rest
      end
    elseif kind == 'J' and of == criterion then
      local series, content = string.match(rest, '^(.*)\t([^\t]*)$')
      item.judged[series] = item.judged[series] or {}
      item.judged[series][content] = cmsgpack.unpack(value)
    elseif kind == 'A' and of == criterion then
      item.first = tonumber(value)
    elseif field == 'digest' then
      item.digest = value
    end
  end
  table.sort(item.annotators)
  return item
end

-- Adds an item's terms and their products, two by two, to sums over items.
local function add_terms(delta, series, at, prefix, terms, sign)
  local place = 0
  local function add(value)
    bump(delta, 'agreed', series, at, prefix .. place, sign * value)
    place = place + 1
  end
  for _, term in ipairs(terms) do
    add(term)
  end
  for i = 1, #terms do
    for j = i, #terms do
      add(terms[i] * terms[j])
    end
  end
end

-- The alternative annotator test: who lies nearer to the other annotators, the judge (-1) or the annotator (1)?
local function duel(labels, own, judged)
  local judges, humans = 0, 0
  if judged[4] then
    for i, label in ipairs(labels) do
      if i ~= own then
        judges = judges + (judged[2] - label[2]) ^ 2
        humans = humans + (labels[own][2] - label[2]) ^ 2
      end
    end
    if math.abs(judges - humans) <= 1e-9 * math.max(judges, humans) then
      return 0
    end
  else
    for i, label in ipairs(labels) do
      if i ~= own then
        judges = judges - (judged[1] == label[1] and 1 or 0)
        humans = humans - (labels[own][1] == label[1] and 1 or 0)
      end
    end
  end
  return judges == humans and 0 or (judges < humans and -1 or 1)
end

local function count_item(delta, series, group, labels, judged, sign)
  local raters, at = #labels, judged[5]
  if raters == 0 then
    return
  end
  bump(delta, 'agreed', series, at, 'item\t' .. group, sign)
  local equal, total, squares = 0, 0, 0
  for _, label in ipairs(labels) do
    equal = equal + (label[1] == judged[1] and 1 or 0)
    total = total + (label[4] or 0)
    squares = squares + (label[4] or 0) ^ 2
  end
  local place = judged[4]
  if place then
    local terms = {raters, total, raters * place, squares, raters * place * place, place * total}
    add_terms(delta, series, at, 'cluster\t' .. group .. '\tp', terms, sign)
  end
  add_terms(delta, series, at, 'cluster\t' .. group .. '\te', {raters, equal}, sign)
  if raters > 1 then
    for i, label in ipairs(labels) do
      local field = 'duel\t' .. group .. '\t' .. label.name .. '\t' .. duel(labels, i, judged)
      bump(delta, 'agreed', series, at, field, sign)
    end
  end
end

local function mean_of(labels)
  local total = 0
  for _, label in ipairs(labels) do
    if not label[2] then
      return nil
    end
    total = total + label[2]
  end
  return string.format('%.10g', total / #labels)
end

-- Counts what an item's random labels make, its targeted ones, and what all of them make beyond the two.
local function by_group(groups, sign, count)
  count('r', groups.r, sign)
  count('t', groups.t, sign)
  if #groups.r > 0 and #groups.t > 0 then
    count('x', groups.all, sign)
    count('x', groups.r, -sign)
    count('x', groups.t, -sign)
  end
end

-- What the labels of a content make with the newest judgment of it in one series.
local function count_pairs(delta, item, series, content, sign)
  local judged = item.judged[series] and item.judged[series][content]
  if not judged then
    return
  end
  local at, groups = judged[5], {r = {}, t = {}, all = {}}
  if #item.annotators == 0 then
    bump(delta, 'seen', series, at, 'rest\t' .. judged[1], sign)
    return
  end
  local cell = '\t' .. judged[1] .. '\t' .. judged[6] .. '\t' .. judged[7]
  for _, name in ipairs(item.annotators) do
    local label = item.labels[name]
    if label[7] == content and not label[9] then
      local drawn = label[5]
      label.name = name
      groups.all[#groups.all + 1] = label
      groups[drawn][#groups[drawn] + 1] = label
      bump(delta, 'agreed', series, at, 'pair\t' .. drawn .. '\t' .. label[1] .. cell, sign)
      bump(delta, 'agreed', series, at, 'annotator\t' .. drawn .. '\t' .. name, sign)
      local x, y = label[3], judged[3]
      if x and y then
        local sums = {n = 1, x = x, y = y, xx = x * x, yy = y * y, xy = x * y, ad = math.abs(x - y)}
        for which, value in pairs(sums) do
          bump(delta, 'agreed', series, at, 'moment\t' .. drawn .. '\t' .. which, sign * value)
        end
      end
    end
  end
  by_group(groups, sign, function(group, labels, signed)
    count_item(delta, series, group, labels, judged, signed)
  end)
  if #groups.r == 0 then
    bump(delta, 'seen', series, at, 'rest\t' .. judged[1], sign)
  else
    local mean = mean_of(groups.r)
    if mean then
      bump(delta, 'agreed', series, at, 'mean\t' .. mean .. '\t' .. judged[1], sign)
    end
  end
end

local function count_all_pairs(delta, item, sign)
  for series, contents in pairs(item.judged) do
    for content in pairs(contents) do
      count_pairs(delta, item, series, content, sign)
    end
  end
end

-- Whether one text comes before the other, byte by byte: Lua's own < asks the locale.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

-- The ordered pairs of several coders' values, one of each two symmetric cells.
local function count_coders(delta, kind, series, at, prefix, keys, sign)
  local counts, distinct, coders = {}, {}, #keys
  if coders < 2 then
    return
  end
  for _, key in ipairs(keys) do
    if not counts[key] then
      counts[key] = 0
      distinct[#distinct + 1] = key
    end
    counts[key] = counts[key] + 1
  end
  for i, one in ipairs(distinct) do
    local same = counts[one] * (counts[one] - 1)
    if same > 0 then
      bump(delta, kind, series, at, prefix .. coders .. '\t' .. one .. '\t' .. one, sign * same)
    end
    for j = i + 1, #distinct do
      local other = distinct[j]
      local first, second = one, other
      if is_before(other, one) then
        first, second = other, one
      end
      local field = prefix .. coders .. '\t' .. first .. '\t' .. second
      bump(delta, kind, series, at, field, sign * counts[one] * counts[other])
    end
  end
end

local function count_ceiling_group(delta, at, group, keys, sign)
  if #keys > 0 then
    bump(delta, 'ceiling', '', at, 'item\t' .. group, sign)
    count_coders(delta, 'ceiling', '', at, 'coders\t' .. group .. '\t', keys, sign)
  end
end

-- How people agree with each other.
local function count_ceiling(delta, item, sign)
  local contents = {}
  for _, name in ipairs(item.annotators) do
    local label = item.labels[name]
    if not label[9] then
      local groups = contents[label[7]] or {r = {}, t = {}, all = {}}
      contents[label[7]] = groups
      groups[label[5]][#groups[label[5]] + 1] = label[1]
      groups.all[#groups.all + 1] = label[1]
    end
  end
  for _, groups in pairs(contents) do
    by_group(groups, sign, function(group, keys, signed)
      count_ceiling_group(delta, item.first, group, keys, signed)
    end)
  end
end

-- How a series agrees with every other that judged the same content.
local function count_between(delta, item, series, content, sign)
  local mine = item.judged[series] and item.judged[series][content]
  if not mine then
    return
  end
  for other, contents in pairs(item.judged) do
    local theirs = contents[content]
    if theirs and other ~= series then
      local first, second, one, two = series, other, mine, theirs
      if is_before(other, series) then
        first, second, one, two = other, series, theirs, mine
      end
      local both = first .. '|' .. second
      bump(delta, 'between', both, math.max(one[5], two[5]), 'pair\t' .. one[1] .. '\t' .. two[1], sign)
      if sign > 0 then
        see(delta, 'judged:met', delta.criterion .. '\t' .. first .. '\t' .. second, math.max(one[5], two[5]))
      end
    end
  end
end

-- How the models of one series' judge agree with each other.
local function count_panel(delta, item, series, content, sign)
  local judge, model = string.match(series, '^(.-) (.*)$')
  if model == 'panel' then
    return
  end
  local keys, at, prefix = {}, 0, judge .. ' '
  for other, contents in pairs(item.judged) do
    local judged = contents[content]
    if judged and string.sub(other, 1, #prefix) == prefix and other ~= prefix .. 'panel' then
      keys[#keys + 1] = judged[1]
      at = math.max(at, judged[5])
    end
  end
  count_coders(delta, 'panel', judge, at, 'coders\t', keys, sign)
end
