/* A stand-in for NVIDIA's libnvidia-ml.so.1: answers from the file that FAKE_NVML names, one "function value" a line.
 * A function that is not in the file is not supported, as NVML says it. Every GPU answers the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3 };
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;

static int look_up(const char *wanted, unsigned long long *value)
{
    char name[64];
    FILE *file = fopen(getenv("FAKE_NVML"), "r");
    int status = NOT_SUPPORTED;
    while (file && fscanf(file, "%63s %llu", name, value) == 2)
        if (strcmp(name, wanted) == 0) {
            status = SUCCESS;
            break;
        }
    if (file)
        fclose(file);
    return status;
}

static int get(const char *name, unsigned int *value)
{
    unsigned long long found;
    int status = look_up(name, &found);
    if (status == SUCCESS)
        *value = (unsigned int)found;
    return status;
}

int nvmlInitWithFlags(unsigned int flags)
{
    unsigned int error = 0;
    (void)flags;
    get("init", &error);
    return (int)error;
}
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int error) { return error == NOT_SUPPORTED ? "Not Supported" : "Driver Not Loaded"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { return get("count", count); }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device)
{
    *device = (void *)(size_t)(index + 1);
    return SUCCESS;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj) { (void)device; return look_up("energy", mj); }
int nvmlDeviceGetPowerUsage(void *device, unsigned int *mw) { (void)device; return get("power", mw); }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *c) { (void)device; (void)sensor; return get("temperature", c); }
int nvmlDeviceGetClockInfo(void *device, int type, unsigned int *mhz)
{
    (void)device;
    return get(type == 1 ? "sm_clock" : "memory_clock", mhz);
}
int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) { (void)device; return get("load", &rates->gpu); }
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) { (void)device; return look_up("memory_used", &memory->used); }
