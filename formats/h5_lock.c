/* SPDX-License-Identifier: MIT */
#include "formats/h5_lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void km_h5_lock(void) { pthread_mutex_lock(&lock); }
void km_h5_unlock(void) { pthread_mutex_unlock(&lock); }
