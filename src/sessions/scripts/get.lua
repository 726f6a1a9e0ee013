-- Reads a session. Only touch.lua runs more often, so this script has no prelude, and does only what it must.
-- KEYS[1]  session
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  '1' to look for the ending of a session that is gone (see record.lua), else ''
-- Returns  'none', 'secret' (it does not match), 'corrupt' or 'ended' (its ending follows: the letter of the reason, the
--          instant, epoch ms, and the note), each with a space and the name of the call behind it; or the session as text (see
--          record.lua) with the name of the call. The name is ARGV[1], or the id if that is ''
local record = redis.call('HGETALL', KEYS[1])
-- A new record begins with these two fields, and a small one keeps its order: then there is nothing to search.
if record[1] ~= 'h' or record[3] ~= 't' then
  if #record == 0 then
    local keys, id = string.sub(KEYS[1], 1, -29), string.sub(KEYS[1], -26)
    for place = 1, ARGV[2] == '1' and 2 or 0 do
      local ending = redis.pcall('GET', keys .. (place == 1 and 'x:' or 'y:') .. id)
      -- Only its bearer is told.
      if type(ending) == 'string' and string.sub(ending, 1, 43) == ARGV[1] then
        return 'ended ' .. ARGV[1] .. ' ' .. string.sub(ending, 45)
      end
    end
    return 'none ' .. (ARGV[1] ~= '' and ARGV[1] or id)
  end
  for place, name in pairs({ [1] = 'h', [3] = 't' }) do
    local at
    for i = 1, #record, 2 do
      if record[i] == name then at = i end
    end
    if not at then return 'corrupt ' .. (ARGV[1] ~= '' and ARGV[1] or string.sub(KEYS[1], -26)) end
    record[at], record[at + 1], record[place], record[place + 1] = record[place], record[place + 1], name, record[at + 1]
  end
end
-- Lua interns its strings, so == compares two pointers: constant time.
if ARGV[1] == '' then
  record[2] = string.sub(KEYS[1], -26)
elseif record[2] ~= ARGV[1] then
  return 'secret ' .. ARGV[1]
end
-- The hash stays where it is, and names the call.
record[1] = redis.call('PEXPIRETIME', KEYS[1])
record[3] = redis.call('PTTL', KEYS[1])
return table.concat(record, '\n')
