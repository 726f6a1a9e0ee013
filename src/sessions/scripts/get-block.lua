-- Reads the block on a user.
-- KEYS[1]  block on the user
-- Returns  {since, until or '', reason or ''}, or {} where the user is not blocked
local block = load(KEYS[1])
if not block then return {} end
return { block.s, block.e or '', block.r or '' }
