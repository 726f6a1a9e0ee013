-- Finds out whether the user of Redis may publish on the channel of the store: the message is about a session that never was.
-- KEYS[1]  session that never was
-- Returns  'told', or 'mute' (the user may not)
local id = string.sub(KEYS[1], -26)
-- As `tell` in record.lua has it.
local published = pcall(redis.call, 'PUBLISH', string.sub(KEYS[1], 1, -35) .. 'near', '~ ' .. id)
return published and 'told' or 'mute'
