-- Uses handles on purpose after their objects were unpinned. The host must
-- refuse each use, with a message that says why, whatever the slot is used for
-- by now.

local KEPT = 500

-- Calls a function of the host that must raise an error about the handle.
local function refuses(name, handle, ...)
  local ok, message = pcall(host[name], handle, ...)
  assert(not ok, name .. " accepts a stale handle")
  local hex, lives = message:match("^stale handle 0x(%x+): unpinned (%d+) li")
  assert(hex and tonumber(hex, 16) == handle, message)
  assert(tonumber(lives) >= 1, message)
end

local function refuses_all(handle)
  refuses("read", handle)
  refuses("write", handle, 0)
  refuses("exchange", handle, 0)
  assert(host.find(handle) == nil)
  assert(host.take(handle) == nil)
  assert(host.unpin(handle) == false)
  assert(host.contains(handle) == false)
end

local kept = {}
for request in host.next_request do
  local handle = host.pin("object", request)
  assert(host.read(handle) == request)
  assert(host.unpin(handle))
  kept[(request - 1) % KEPT + 1] = handle
  -- This object is likely to get the same slot, but never the same handle.
  local next = host.pin("object", -request)
  assert(next ~= handle)
  refuses_all(handle)
  refuses_all(kept[math.random(#kept)])
  assert(host.take(next) == -request)
end

-- Integers that are no handles are refused as well.
for _, number in ipairs({0, 1, -1, 12345, math.maxinteger}) do
  assert(not pcall(host.read, number))
end
assert(not pcall(host.read, "handle"))
