/* CLONES: a function is compiled for several generations of x86-64, and the loader picks the machine's. */
#ifndef NETSPACE_CLONES_H
#define NETSPACE_CLONES_H

#include <stdint.h>

#if defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED
#endif

#endif
