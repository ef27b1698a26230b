// -----------------------------------------------------------------------------
// File: reservations.h
// -----------------------------------------------------------------------------
//
// When a table that has used little memory is destroyed, the library clears its
// reservation of address space and keeps it for the next table that is made
// alike: of slots of the same size, as many, and with the same Traits. So a
// small table that exists for a short time costs no call of the system.
//
// At most 256 reservations are kept, with at most 128 KiB of memory each (on
// systems with pages of more than 16 KiB, eight pages). If the system refuses
// memory or address space to a table, the kept reservations are given back
// first. Each copy of the library in a process keeps its own, and gives them
// back when it is unloaded.
//
// Nothing is kept on Windows, in 32-bit processes, and under a limit on address
// space (ulimit -v) that is in force when the first table is destroyed. Nor is
// anything kept in programs with a sanitizer, which is to find uses of a table
// after its end.

#ifndef HOLDFAST_RESERVATIONS_H_
#define HOLDFAST_RESERVATIONS_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <cstddef>

#include "holdfast/internal/export.h"

namespace holdfast {

// Gives all that is kept back to the system. Returns how many bytes of address
// space that was. Lock-free.
HOLDFAST_API size_t ReleaseKeptReservations() noexcept;

// As ReleaseKeptReservations, and keeps nothing from now on. For debugging: a
// use of a table after its end is then likely to be a fault.
HOLDFAST_API size_t StopKeepingReservations() noexcept;

}  // namespace holdfast

#endif  // HOLDFAST_RESERVATIONS_H_
