/* SPDX-License-Identifier: MIT
 * HDF5 is for one thread at a time, over all files together. Programs that read on several threads hold this around
 * every call of h5md.h and trunk_h5.h that may run beside another. */
#ifndef FORMATS_H5_LOCK_H
#define FORMATS_H5_LOCK_H

void km_h5_lock(void);
void km_h5_unlock(void);

#endif
