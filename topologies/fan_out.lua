-- Adds entries to the stream of a channel, those that are newer than its last, and publishes these.
-- Then lets go of what is old, beyond the last ones.
-- KEYS: the stream, which is the name of the sharded pub/sub channel as well.
-- ARGV: entries kept at most, entries kept whatever their age, offset up to which everything is old,
-- milliseconds of silence until all of it is let go, then for each entry its offset and its JSON.
-- Returns how many were added, and how many there are.
local key = KEYS[1]
local most, kept, old, silence = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local last = redis.call("XREVRANGE", key, "+", "-", "COUNT", 1)[1]
local reached = last and tonumber(string.match(last[1], "^%d+")) - 1 or -1
local before, added = reached, {}
local function id(offset)
  return string.format("%.0f-0", offset + 1)
end
for i = 5, #ARGV, 2 do
  local offset = tonumber(ARGV[i])
  if offset > reached then
    redis.call(
      "XADD", key, "MAXLEN", "~", most, id(offset),
      "previous", string.format("%.0f", reached), "entry", ARGV[i + 1]
    )
    reached = offset
    added[#added + 1] = ARGV[i + 1]
  end
end
if #added > 0 then
  redis.call("PEXPIRE", key, silence)
  local entries = table.concat(added, ",")
  local previous = string.format("%.0f", before)
  redis.call("SPUBLISH", key, '{"previous":' .. previous .. ',"entries":[' .. entries .. "]}")
end
local spare = redis.call("XLEN", key) - kept
if spare > 0 then
  redis.call("XTRIM", key, "MINID", "~", id(old + 1), "LIMIT", spare)
end
return {#added, redis.call("XLEN", key)}
