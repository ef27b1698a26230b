// The `host` module, through which a script uses the host's objects.
//
// To scripts, handles are integers. A script may pass any integer, and a handle
// of any age: the table knows whether it is live.
//
//   host.pin(kind, value)      a handle for a new "session", "message" or
//                              "object" with a number as its value
//   host.read(handle)          its value
//   host.write(handle, value)  replaces the value
//   host.exchange(handle, value)  replaces the value and returns the old one
//
// If the handle is not live, these raise an error that says why. The next four
// raise no error, since scripts may race with each other to call them.
//
//   host.find(handle)          its value, or nil
//   host.contains(handle)      whether it is live
//   host.unpin(handle)         true, or false if it was not live
//   host.take(handle)          unpins it, and returns its value or nil
//
//   host.send(handle)          puts it into the channel, once there is room;
//                              false if the channel is closed
//   host.receive()             the next handle, once there is one; nil if the
//                              channel is closed, and empty
//   host.lookup(name)          the handle on the board under the name, or nil
//   host.publish(name, handle, expected)  puts the handle there if `expected`
//                              is still there (nil: nothing); else false
//
//   host.next_request()        1, 2, 3... for this worker; nil when the time is
//                              over; then the channel is closed, too
//   host.worker                the worker's number, from 1

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_

#include "lua.hpp"

namespace script_host {

// A lua_CFunction for luaL_requiref. The state must be a Worker's.
int OpenHostModule(lua_State* state);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_
