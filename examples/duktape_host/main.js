// Makes counters and sends the handle of each to all workers, which add to the
// counter. Then closes the counter and sends the handle once more: now every
// worker must be refused.

'use strict';

var COUNTERS = 2000;
var KEPT = 3;  // Counters that stay open to the end.

function check(holds, what) {
  if (!holds) throw new Error(what);
}

function sendToAll(number) {
  for (var worker = 1; worker <= host.workers; ++worker) {
    host.send(worker, number);
  }
}

function receiveFromAll() {
  var sum = 0;
  for (var worker = 1; worker <= host.workers; ++worker) sum += host.receive();
  return sum;
}

// Returns the message of the error that `host[name]` must throw.
function refusal(name, handle) {
  try {
    host[name](handle, 1);
  } catch (error) {
    check(error instanceof ReferenceError, 'throws ' + error);
    return error.message;
  }
  throw new Error(name + ' accepts ' + handle);
}

var stale = [];
for (var i = 0; i < COUNTERS; ++i) {
  var handle = host.create(i);
  check(typeof handle === 'number' && handle % 1 === 0 &&
        handle <= 9007199254740991, 'no plain number: ' + handle);
  sendToAll(handle);
  check(receiveFromAll() === host.workers, 'a worker was refused');
  check(host.close(handle) === i + 10 * host.workers, 'an addition is lost');
  sendToAll(handle);
  check(receiveFromAll() === 0, 'a worker may use a counter that is closed');
  stale.push(handle);
}

// A stale handle stays stale, whatever its slot was used for since.
stale.forEach(function(handle) {
  check(!host.isOpen(handle), 'open again');
  check(/^Handle\(0x[0-9a-f]+\) is stale: slot \d+ has ended \d+ li/.test(
        refusal('add', handle)), refusal('add', handle));
  refusal('close', handle);
});
print(refusal('add', stale[0]));

// Other numbers are no handles, either.
[0, -1, 1.5, stale[0] + 0.5, 12345, 9007199254740993, Infinity, NaN].forEach(
    function(number) {
      refusal('add', number);
      refusal('close', number);
      check(!host.isOpen(number), 'open: ' + number);
    });
print(refusal('add', 0));

for (var i = 0; i < KEPT; ++i) host.create(i);
sendToAll(0);
print('passed: ' + COUNTERS + ' counters, ' + host.workers + ' workers');
